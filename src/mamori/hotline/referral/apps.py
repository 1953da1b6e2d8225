from mamori.ground.rooms import Room


class ReferralRoom(Room):
    name = "mamori.hotline.referral"
    label = "referral"
