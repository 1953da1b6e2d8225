from mamori.ground import rooms


class AuditRoom(rooms.Room):
    name = "mamori.ground.audit"
    label = "audit"
