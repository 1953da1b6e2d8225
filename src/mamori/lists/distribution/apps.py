from mamori.ground import rooms


class DistributionRoom(rooms.Room):
    name = "mamori.lists.distribution"
    label = "distribution"
