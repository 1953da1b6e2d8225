from mamori.ground import rooms


class ChecksRoom(rooms.Room):
    name = "mamori.hotline.checks"
    label = "checks"
