"""The DLNA media server: SSDP, description, SOAP services and events on the wire."""
