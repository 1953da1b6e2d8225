from mamori.ground import rooms


class AccountsRoom(rooms.Room):
    name = "mamori.ground.accounts"
    label = "accounts"
