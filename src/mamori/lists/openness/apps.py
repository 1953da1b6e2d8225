from mamori.ground import rooms


class OpennessRoom(rooms.Room):
    name = "mamori.lists.openness"
    label = "openness"
