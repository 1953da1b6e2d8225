from mamori.ground.rooms import Room


class TracingRoom(Room):
    name = "mamori.hotline.tracing"
    label = "tracing"
