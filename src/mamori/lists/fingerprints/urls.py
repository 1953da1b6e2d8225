from django.urls import path

from mamori.lists.fingerprints.pages import bank, files, others

STAFF = [
    path("bank/", bank.desk, name="fingerprints_desk"),
    path("bank/proposals/", bank.proposals, name="fingerprints_proposals"),
    path("bank/quarantine/", bank.quarantine, name="fingerprints_quarantine"),
    path("bank/add/", bank.add, name="fingerprints_add"),
    path("bank/add/<uuid:content_id>/", bank.add, name="fingerprints_add_of"),
    path("bank/entry/<uuid:bank_id>/", bank.entry, name="fingerprints_entry"),
    path("bank/entry/<uuid:bank_id>/confirm/", bank.confirm, name="fingerprints_confirm"),
    path("bank/entry/<uuid:bank_id>/share/", bank.share, name="fingerprints_share"),
    path("bank/entry/<uuid:bank_id>/release/", bank.release, name="fingerprints_release"),
    path("bank/entry/<uuid:bank_id>/class/", bank.classify, name="fingerprints_classify"),
    path("bank/entry/<uuid:bank_id>/vote/", bank.vote, name="fingerprints_vote"),
    path("bank/entry/<uuid:bank_id>/withdraw/", bank.withdraw, name="fingerprints_withdraw"),
    path("bank/harmless/", others.negative, name="fingerprints_negative"),
    path("bank/harmless/<uuid:harmless_id>/", others.harmless, name="fingerprints_harmless"),
    path("bank/harmless/<uuid:harmless_id>/confirm/", others.harmless_confirm, name="fingerprints_harmless_confirm"),
    path("bank/harmless/<uuid:harmless_id>/end/", others.harmless_end, name="fingerprints_harmless_end"),
    path("bank/sources/", others.sources, name="fingerprints_sources"),
    path("bank/sources/<slug:source_code>/", others.source, name="fingerprints_source"),
    path("bank/disagreements/", others.disagreements, name="fingerprints_disagreements"),
    path("bank/disagreements/<uuid:disagreement_id>/", others.disagreement, name="fingerprints_disagreement"),
    path("bank/disagreements/<uuid:disagreement_id>/settle/", others.settle, name="fingerprints_settle"),
    path("bank/imports/", files.imports, name="fingerprints_imports"),
    path("bank/imports/<uuid:import_id>/", files.import_run, name="fingerprints_import"),
    path("bank/imports/<uuid:import_id>/stop/", files.stop, name="fingerprints_import_stop"),
    path("bank/imports/<uuid:import_id>/confirm/", files.confirm, name="fingerprints_import_confirm"),
    path("bank/imports/<uuid:import_id>/withdraw/", files.withdraw, name="fingerprints_import_withdraw"),
    path("bank/export/", files.export, name="fingerprints_export"),
]
