curl http://localhost:9880/health
