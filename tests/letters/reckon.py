#!/usr/bin/env python3
"""What the statistics must say at some moments, reckoned from the letters and the calendar alone.

    reckon.py LETTERS.csv MOMENT...        (moments as YYYY-MM-DDTHH:MM:SS, local time)

The steps of the letters are in schedule.toml, beside this script. The holidays are in holidays-cn.csv
beside the letters, or else in the list that Docket ships. Nothing of Docket's code is used: the terms
(1 working day to sign, 5 to reply, until 17:30) are those of the default rules, as people read them.
"""

import csv
import json
import sys
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHIPPED = HERE / "../../core/domain/rules/calendar-cn.toml"
SCHEDULE = tomllib.loads((HERE / "schedule.toml").read_text(encoding="utf-8"))
OFFICES_CLOSE = time(17, 30)
DAYS_TO_SIGN, DAYS_TO_REPLY = 1, 5


def holidays(letters):
    """The calendar's file, its days off and its days worked."""
    beside = letters.with_name("holidays-cn.csv")
    if beside.exists():
        with beside.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        of = lambda kind: {date.fromisoformat(r["date"]) for r in rows if r["kind"] == kind}
        return beside, of("off"), of("work")
    listed = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    of = lambda kind: {date.fromisoformat(day) for day in listed[kind]}
    return SHIPPED.resolve(), of("off"), of("work")


def due(start, days, off, work):
    """When offices close on the so many-th working day after the day of `start`."""
    day = start.date()
    while days:
        day += timedelta(days=1)
        days -= day in work or (day.weekday() < 5 and day not in off)
    return datetime.combine(day, OFFICES_CLOSE)


def moment(text):
    text = text.strip()
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S") if text else None


def read(path):
    """(received, answered or None) of each letter, in the order in which they came."""
    letters = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            received, answered = moment(row["received_at"]), moment(row["replied_at"])
            if not row["reply"].strip() or (answered and answered < received):
                answered = None
            if received.year >= SCHEDULE["from_year"]:
                letters.append((received, answered))
    return sorted(letters, key=lambda letter: letter[0])


def steps(number, count, received, answered):
    """When a letter is assigned, returned, assigned again, signed, replied and rated; None: never."""
    s, n = SCHEDULE, SCHEDULE["returns"]
    assign, back, again = s["assign"], None, None
    if number in {(2 * k + 1) * count // (2 * n) for k in range(n)}:
        back = assign + s["return_"]
        again = back + s["again"]
    sign = (again or assign) + s["sign"][number % len(s["sign"])]
    last = sign + (s["delegate"] + s["unit_sign"] if number % 2 == 0 else 0)
    num, den = 1, 1
    if answered and received + timedelta(minutes=last) > answered:
        num, den = int((answered - received).total_seconds()), last * 60
    at = lambda minutes: minutes and received + timedelta(seconds=minutes * 60 * num // den)
    rated = answered and answered + timedelta(minutes=s["rate"])
    return at(assign), at(back), at(again), at(sign), answered, rated


def count(letters, until, off, work):
    """The figures as they stand at a moment."""
    names = (
        "received assigned returned signed dueToSign signedInTime replied dueToReply repliedInTime "
        "rated satisfied fairly dissatisfied overdue"
    )
    figures = dict.fromkeys(names.split(), 0)
    happened = lambda at: at is not None and at <= until
    for number, (received, answered) in enumerate(letters):
        assigned, back, again, signed, replied, rated = steps(number, len(letters), received, answered)
        figures["received"] += happened(received)
        figures["assigned"] += happened(assigned) + happened(again)
        figures["returned"] += happened(back)
        if happened(back):
            assigned = again
        if not happened(assigned):
            continue
        sign_by, reply_by = (due(assigned, d, off, work) for d in (DAYS_TO_SIGN, DAYS_TO_REPLY))
        figures["dueToSign"] += 1
        figures["signed"] += happened(signed)
        figures["signedInTime"] += happened(signed) and signed <= sign_by
        figures["dueToReply"] += 1
        figures["replied"] += happened(replied)
        figures["repliedInTime"] += happened(replied) and replied <= reply_by
        figures["overdue"] += not happened(replied) and reply_by < until
        if happened(rated):
            figures["rated"] += 1
            satisfaction = SCHEDULE["satisfaction"]
            figures[satisfaction[number % len(satisfaction)].lower()] += 1
    return figures


def main():
    path, moments = Path(sys.argv[1]), sys.argv[2:]
    calendar, off, work = holidays(path)
    letters = read(path)
    figures = {text: count(letters, datetime.fromisoformat(text), off, work) for text in moments}
    print(json.dumps({"letters": len(letters), "calendar": str(calendar), "figures": figures}))


main()
