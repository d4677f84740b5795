# Synthesize voice
curl -X POST "http://localhost:8000/api/v1/voice/synthesize" \
  -H "X-API-Key: your-api-key" \
  -F "text=Hello, this is a test" \
  -F "reference_audio=@reference.wav" \
  -F "language=en" \
  -F "speed=1.0" \
  -F "temperature=0.7" \
  --output synthesized.wav
