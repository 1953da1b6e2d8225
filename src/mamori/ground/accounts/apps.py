from mamori.ground.rooms import Room


class AccountsRoom(Room):
    name = "mamori.ground.accounts"
    label = "accounts"
