"""The JSON API below ``/api/v1``; ``openapi.json`` beside this file describes it."""
