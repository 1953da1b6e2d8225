from django.urls import path

from mamori.ground.accounts import pages

STAFF = [
    path("people/", pages.members, name="accounts_members"),
    path("people/invitations/", pages.invitations, name="accounts_invitations"),
    path("people/organisations/", pages.organisations, name="accounts_organisations"),
    path("people/tokens/", pages.tokens, name="accounts_tokens"),
    path("people/invite/", pages.invite, name="accounts_invite"),
    path("people/organisations/new/", pages.organisation_new, name="accounts_organisation_new"),
    path("people/tokens/new/", pages.token_new, name="accounts_token_new"),
    path("people/<uuid:user_id>/", pages.member, name="accounts_member"),
    path("people/<uuid:user_id>/renew/", pages.member_renew, name="accounts_member_renew"),
    path("people/roles/<int:membership_id>/remove/", pages.member_remove, name="accounts_member_remove"),
    path(
        "people/invitations/<uuid:invitation_id>/withdraw/",
        pages.invitation_withdraw,
        name="accounts_invitation_withdraw",
    ),
    path("people/tokens/<uuid:token_id>/revoke/", pages.token_revoke, name="accounts_token_revoke"),
]
