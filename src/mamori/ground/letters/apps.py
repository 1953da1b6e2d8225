from mamori.ground import rooms


class LettersRoom(rooms.Room):
    name = "mamori.ground.letters"
    label = "letters"
