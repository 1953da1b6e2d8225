from mamori.ground import rooms


class TracingRoom(rooms.Room):
    name = "mamori.hotline.tracing"
    label = "tracing"
