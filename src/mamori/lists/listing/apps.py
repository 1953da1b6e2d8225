from mamori.ground import rooms


class ListingRoom(rooms.Room):
    name = "mamori.lists.listing"
    label = "listing"
