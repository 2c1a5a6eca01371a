"""Service descriptions (SCPD), one file per service, listing exactly what is offered."""
