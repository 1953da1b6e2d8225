from mamori.ground import rooms


class DesksRoom(rooms.Room):
    name = "mamori.desks"
    label = "desks"
