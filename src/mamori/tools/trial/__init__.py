"""`mamori trial`: methods of blocking proved against each other on a synthetic web, in network namespaces of its own."""
