from mamori.ground import rooms


class TakedownRoom(rooms.Room):
    name = "mamori.hotline.takedown"
    label = "takedown"
