"""UPnP and DLNA as text and bytes: messages, documents, grammars. No sockets, no tasks, no time."""
