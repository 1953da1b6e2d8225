from django.urls import path

from mamori.ground.letters import pages

STAFF = [
    path("letters/", pages.letters, name="letters_letters"),
    path("letters/<uuid:letter_id>/", pages.letter, name="letters_letter"),
    path("letters/<uuid:letter_id>/resend/", pages.resend, name="letters_resend"),
    path("letters/<uuid:letter_id>/take/", pages.take, name="letters_take"),
]
