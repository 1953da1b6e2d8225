from mamori.ground.rooms import Room


class DistributionRoom(Room):
    name = "mamori.lists.distribution"
    label = "distribution"
