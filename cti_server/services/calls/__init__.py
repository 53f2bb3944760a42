"""Calls in progress: one coroutine a call, one owner of each call's facts.

LiveCall   what happened to one call, recorded once (live.py)
sessions   a caller's line, from arrival to hang-up (session.py, driver.py, waiting.py)
watch      what the switch says of calls (watch.py)
recovery   calls that outlived us, calls that died unseen (recovery.py)
"""
