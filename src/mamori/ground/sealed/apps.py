from mamori.ground import rooms


class SealedRoom(rooms.Room):
    name = "mamori.ground.sealed"
    label = "sealed"
