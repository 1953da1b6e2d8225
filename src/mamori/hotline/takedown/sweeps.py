from mamori.ground.jobs import sweep
from mamori.hotline.takedown.services import answers_process, clocks_run, notices_prepare, notices_send, pages_seal

sweep("takedown.prepare")(notices_prepare)
sweep("takedown.send")(notices_send)
sweep("takedown.answers")(answers_process)
sweep("takedown.clocks")(clocks_run)
sweep("takedown.pages")(pages_seal)
