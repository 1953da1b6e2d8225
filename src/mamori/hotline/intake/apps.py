from mamori.ground import rooms


class IntakeRoom(rooms.Room):
    name = "mamori.hotline.intake"
    label = "intake"
