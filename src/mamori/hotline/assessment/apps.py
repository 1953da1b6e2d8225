from mamori.ground.rooms import Room


class AssessmentRoom(Room):
    name = "mamori.hotline.assessment"
    label = "assessment"
