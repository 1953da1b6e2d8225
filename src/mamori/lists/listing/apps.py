from mamori.ground.rooms import Room


class ListingRoom(Room):
    name = "mamori.lists.listing"
    label = "listing"
