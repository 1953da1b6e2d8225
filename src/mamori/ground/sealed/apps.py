from mamori.ground.rooms import Room


class SealedRoom(Room):
    name = "mamori.ground.sealed"
    label = "sealed"
