from mamori.ground.rooms import Room


class TakedownRoom(Room):
    name = "mamori.hotline.takedown"
    label = "takedown"
