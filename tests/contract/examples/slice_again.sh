curl -X POST "http://localhost:8000/gpt_sovits/open_slice" \
-H "Content-Type: application/json" \
-d '{
  "inp": "/path/to/audio.wav",
  "session_id": "12345",
  "threshold": -34,
  "min_length": 4000,
  "min_interval": 300,
  "hop_size": 10,
  "max_sil_kept": 500,
  "max": 0.9,
  "alpha": 0.25,
  "n_parts": 4,
  "tool": "slice"
}'
