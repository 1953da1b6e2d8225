from mamori.ground import rooms


class SiteConfig(rooms.Room):
    name = "mamori.site"
    label = "site"
