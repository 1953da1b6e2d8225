"""The address list: listing (decisions per blocking method), then distribution (editions, subscribers, effect)."""
