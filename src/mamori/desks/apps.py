from mamori.ground.rooms import Room


class DesksRoom(Room):
    name = "mamori.desks"
    label = "desks"
