from mamori.ground import rooms


class FingerprintsRoom(rooms.Room):
    name = "mamori.lists.fingerprints"
    label = "fingerprints"
