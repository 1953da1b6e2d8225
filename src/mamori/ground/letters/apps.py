from mamori.ground.rooms import Room


class LettersRoom(Room):
    name = "mamori.ground.letters"
    label = "letters"
