from mamori.ground.rooms import Room


class ChecksRoom(Room):
    name = "mamori.hotline.checks"
    label = "checks"
