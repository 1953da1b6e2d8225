from mamori.ground import rooms


class ReferralRoom(rooms.Room):
    name = "mamori.hotline.referral"
    label = "referral"
