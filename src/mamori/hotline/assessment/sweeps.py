from mamori.ground.jobs import sweep
from mamori.hotline.assessment.services import contents_age, decisions_conclude, leases_expire

sweep("assessment.leases_expire")(leases_expire)
sweep("assessment.decisions_conclude")(decisions_conclude)
sweep("assessment.contents_age")(contents_age)
