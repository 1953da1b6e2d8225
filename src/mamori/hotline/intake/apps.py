from mamori.ground.rooms import Room


class IntakeRoom(Room):
    name = "mamori.hotline.intake"
    label = "intake"
