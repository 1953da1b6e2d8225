from mamori.ground import rooms


class ExchangeRoom(rooms.Room):
    name = "mamori.lists.exchange"
    label = "exchange"
