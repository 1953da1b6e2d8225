from mamori.ground.rooms import Room


class AuditRoom(Room):
    name = "mamori.ground.audit"
    label = "audit"
