-- A hotline after three years: invented names under .example, no text of anybody.
-- Each step is run in chunks of $first .. $last of its rows. n counts content items, m reports, both oldest first.

-- step: helpers
CREATE FUNCTION pg_temp.uid(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT md5(kind || n)::uuid$$;
-- evenly spread from 0 to 1, the same each time
CREATE FUNCTION pg_temp.r(n bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0::float8$$;
CREATE FUNCTION pg_temp.bytes(n bigint, k int) RETURNS bytea LANGUAGE sql IMMUTABLE AS
  $$SELECT substr(decode(string_agg(md5(n || ':' || i), ''), 'hex'), 1, k) FROM generate_series(1, (k + 15) / 16) i$$;
CREATE FUNCTION pg_temp.host(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT 'h' || floor(power(pg_temp.r(n, 2), 3) * 60000) || '.example'$$;
CREATE FUNCTION pg_temp.url(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT 'https://' || pg_temp.host(n) || '/g/' || n$$;
CREATE FUNCTION pg_temp.digest(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT encode(sha256(pg_temp.url(n)::bytea), 'hex')$$;
CREATE FUNCTION pg_temp.at(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
  $$SELECT now() - interval '3 years' * (1 - n / $contents::float8) - interval '1 hour'$$;
-- what became of it: the newest wait, the rest is worked on or done
CREATE FUNCTION pg_temp.fate(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE
  WHEN n > $contents * 0.998 THEN 'tracing' WHEN n > $contents * 0.973 THEN 'awaiting_assessment'
  WHEN n > $contents * 0.968 THEN 'second_opinion' WHEN n > $contents * 0.963 THEN 'cannot_access'
  WHEN n > $contents * 0.961 THEN 'assessed'
  WHEN n % 100 < 9 THEN 'actioning' WHEN n % 100 < 19 THEN 'monitoring' WHEN n % 100 < 54 THEN 'removed'
  WHEN n % 100 < 59 THEN 'unavailable' WHEN n % 100 < 60 THEN 'moved' WHEN n % 100 < 62 THEN 'watch'
  WHEN n % 100 < 83 THEN 'not_illegal' ELSE 'closed' END$$;
CREATE FUNCTION pg_temp.settled(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT n <= $contents * 0.963$$;
CREATE FUNCTION pg_temp.illegal(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS
  $$SELECT n <= $contents * 0.961 AND NOT (n % 100 BETWEEN 62 AND 82)$$;
CREATE FUNCTION pg_temp.gone(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS
  $$SELECT pg_temp.illegal(n) AND n % 100 >= 19$$;
CREATE FUNCTION pg_temp.verdict(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE
  WHEN NOT pg_temp.illegal(n) THEN 'NOT_ILLEGAL' WHEN n % 3 = 0 THEN 'BASELINE' ELSE 'NATIONAL' END$$;
-- the content of a report: each has one, most are spread, one item has 2,000; the newest 4 % have none
CREATE FUNCTION pg_temp.content_of(m bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$SELECT CASE
  WHEN m <= $contents THEN m WHEN m <= $contents + 2000 THEN 1 WHEN m > $reports * 0.96 THEN NULL
  ELSE 1 + floor(pg_temp.r(m, 3) * $contents * 0.96)::bigint END$$;
CREATE FUNCTION pg_temp.hour(m bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT date_trunc('hour', CASE
  WHEN m <= $contents THEN pg_temp.at(m) - interval '1 hour'
  WHEN m > $reports * 0.998 THEN now() - interval '1 day' * pg_temp.r(m, 4)
  WHEN m > $reports * 0.96 THEN now() - interval '3 years' * pg_temp.r(m, 4)
  ELSE least(now(), pg_temp.at(pg_temp.content_of(m)) + interval '30 days' * power(pg_temp.r(m, 4), 2)) END)$$;
CREATE FUNCTION pg_temp.source(m bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN m % 100 < 70 THEN 'public'
  WHEN m % 100 < 85 THEN 'api' WHEN m % 100 < 95 THEN 'import' WHEN m % 100 < 98 THEN 'operator' ELSE 'patrol' END$$;
CREATE FUNCTION pg_temp.report_state(m bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE
  WHEN m > $reports * 0.998 THEN 'received' WHEN m > $reports * 0.995 THEN 'screened' WHEN m > $reports * 0.96 THEN 'closed'
  WHEN pg_temp.gone(pg_temp.content_of(m)) OR pg_temp.verdict(pg_temp.content_of(m)) = 'NOT_ILLEGAL'
       AND pg_temp.settled(pg_temp.content_of(m)) THEN 'closed'
  ELSE 'linked' END$$;
CREATE FUNCTION pg_temp.outcome(m bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE
  WHEN pg_temp.report_state(m) <> 'closed' THEN '' WHEN m > $reports * 0.96 THEN 'out_of_remit'
  WHEN pg_temp.illegal(pg_temp.content_of(m)) THEN CASE WHEN m % 9 = 0 THEN 'already_gone' ELSE 'removed' END
  ELSE 'not_illegal' END$$;
CREATE FUNCTION pg_temp.told(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
  $$SELECT least(now(), pg_temp.at(n) + interval '4 days')$$;
CREATE FUNCTION pg_temp.gone_at(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
  $$SELECT CASE WHEN pg_temp.gone(n) THEN least(now(), pg_temp.told(n) + interval '40 days' * power(pg_temp.r(n, 7), 3)) END$$;

-- step: sealed_datakey reports
INSERT INTO sealed_datakey (id, wrapped) SELECT pg_temp.uid('k', m), pg_temp.bytes(m, 80) FROM generate_series($first, $last) m;

-- step: intake_submission reports
INSERT INTO intake_submission (id, source, channel, organisation_id, received_hour, locale, receipt_digest, reply_key,
  data_key, sealed_text, sealed_contact, details, closed_at, released_hour, withheld)
SELECT pg_temp.uid('s', m), source, CASE source WHEN 'operator' THEN 'phone' ELSE '' END, NULL, hour, 'ja',
  CASE WHEN source IN ('public', 'operator') THEN sha256(m::text::bytea) END,
  CASE WHEN source IN ('public', 'operator') THEN pg_temp.bytes(m, 32) END,
  pg_temp.uid('k', m), pg_temp.bytes(m + 1, 120), CASE WHEN m % 10 = 0 THEN pg_temp.bytes(m + 2, 64) END, '{}',
  closed, CASE WHEN closed < now() - interval '3 days' THEN date_trunc('hour', closed + interval '2 days') END, false
FROM (SELECT m, pg_temp.source(m) source, pg_temp.hour(m) hour,
  CASE WHEN pg_temp.report_state(m) = 'closed' THEN pg_temp.hour(m) + interval '9 days' END closed
  FROM generate_series($first, $last) m) x;

-- step: intake_report reports
INSERT INTO intake_report (id, submission_id, source, organisation_id, external_id, received_hour, url, digest, seen_on,
  child_at_risk, state, screening, screened_at, content_id, outcome, closed_at)
SELECT pg_temp.uid('r', m), pg_temp.uid('s', m), source, NULL, CASE source WHEN 'import' THEN 'row:' || m END, hour,
  coalesce(pg_temp.url(c), 'https://other' || m || '.example/'),
  coalesce(pg_temp.digest(c), encode(sha256(('https://other' || m || '.example/')::bytea), 'hex')), hour::date,
  m % 5000 = 0, state, CASE WHEN state = 'received' THEN '' WHEN state = 'closed' AND c IS NULL THEN 'out_of_remit'
    WHEN m % 5000 = 0 THEN 'urgent_child_at_risk' ELSE 'accepted' END,
  CASE WHEN state <> 'received' THEN hour + interval '70 minutes' END, CASE WHEN c IS NOT NULL THEN pg_temp.uid('c', c) END,
  pg_temp.outcome(m), CASE WHEN state = 'closed' THEN hour + interval '9 days' END
FROM (SELECT m, pg_temp.source(m) source, pg_temp.hour(m) hour, pg_temp.content_of(m) c, pg_temp.report_state(m) state
  FROM generate_series($first, $last) m) x;

-- step: intake_message 4000
INSERT INTO intake_message (id, submission_id, direction, sent_hour, place, data_key, sealed, for_reporter, read_at)
SELECT pg_temp.uid('m', n), pg_temp.uid('s', n * 100), CASE WHEN n % 2 = 0 THEN 'to_hotline' ELSE 'to_reporter' END,
  date_trunc('hour', now() - interval '1 hour' * n), 1, pg_temp.uid('k', n * 100), pg_temp.bytes(n, 90), pg_temp.bytes(n, 90),
  CASE WHEN n > 60 THEN now() END FROM generate_series($first, $last) n;

-- step: intake_daycount 1
INSERT INTO intake_daycount (day, outcome, count)
SELECT (received_hour AT TIME ZONE 'Asia/Tokyo')::date, outcome, count(*) FROM intake_report WHERE state <> 'received' GROUP BY 1, 2;

-- step: assessment_contentitem contents
INSERT INTO assessment_contentitem (id, url, digest, host, registrable, state, reason, round, position, at_risk,
  at_risk_reported, patrolled, report_count, sources, last_seen_on, risk_points, risk_signs, priority, verdict, law_codes,
  decision_id, confirmation_id, settled_at, opened_at, state_at)
SELECT pg_temp.uid('c', n), pg_temp.url(n), pg_temp.digest(n), pg_temp.host(n), pg_temp.host(n), pg_temp.fate(n), '', 1,
  CASE pg_temp.fate(n) WHEN 'second_opinion' THEN 2 ELSE 1 END, n % 4000 = 0, n % 4000 = 0, n % 50 = 0, 3, 3, opened::date,
  points, json_build_object('sources', 3, 'host_known', 5), points * 3600 - extract(epoch FROM opened)::bigint,
  CASE WHEN settled THEN pg_temp.verdict(n) ELSE '' END,
  CASE WHEN settled AND pg_temp.illegal(n) THEN '["JP-7-6"]'::jsonb ELSE '[]' END,
  CASE WHEN settled THEN pg_temp.uid('d1', n) END, CASE WHEN settled THEN pg_temp.uid('d2', n) END,
  CASE WHEN settled THEN opened + interval '1 day' END, opened, coalesce(pg_temp.gone_at(n), opened + interval '1 hour')
FROM (SELECT n, pg_temp.at(n) opened, pg_temp.settled(n) settled,
  CASE WHEN n % 4000 = 0 THEN 1000000 ELSE 24 + (n % 50 = 0)::int * 48 + (n % 7) * 12 END points
  FROM generate_series($first, $last) n) x;

-- step: assessment_contentreport reports
INSERT INTO assessment_contentreport (content_id, report_id, submission_id, source, seen_on, urgent, linked_at, closed_at)
SELECT pg_temp.uid('c', pg_temp.content_of(m)), pg_temp.uid('r', m), pg_temp.uid('s', m), pg_temp.source(m),
  pg_temp.hour(m)::date, m % 5000 = 0, pg_temp.hour(m) + interval '71 minutes',
  CASE WHEN pg_temp.report_state(m) = 'closed' THEN pg_temp.hour(m) + interval '9 days' END
FROM generate_series($first, $last) m WHERE pg_temp.content_of(m) IS NOT NULL;

-- step: assessment_decision contents
INSERT INTO assessment_decision (id, content_id, round, position, verdict, law_codes, reason, child_at_risk, criteria_id,
  decided_by_id, decided_at)
SELECT pg_temp.uid('d' || p, n), pg_temp.uid('c', n), 1, p, pg_temp.verdict(n), '["JP-7-6"]', '', n % 4000 = 0,
  (SELECT version FROM assessment_criteria LIMIT 1), CASE p WHEN 1 THEN '$analyst'::uuid ELSE '$second'::uuid END,
  pg_temp.at(n) + interval '1 hour' * p * 5
FROM generate_series($first, $last) n, generate_series(1, 2) p
WHERE pg_temp.settled(n) OR (p = 1 AND pg_temp.fate(n) = 'second_opinion');

-- step: assessment_contentevent contents
INSERT INTO assessment_contentevent (content_id, at, was, now, code, actor_kind)
SELECT pg_temp.uid('c', n), at, was, became, '', kind
FROM (SELECT n, pg_temp.at(n) a, pg_temp.fate(n) f, pg_temp.settled(n) s FROM generate_series($first, $last) n) x,
  LATERAL (VALUES (a, '', 'tracing', 'system', true), (a + interval '1 minute', 'tracing', 'awaiting_assessment', 'system', f <> 'tracing'),
    (a + interval '4 hours', 'awaiting_assessment', 'in_assessment', 'person', s),
    (a + interval '5 hours', 'in_assessment', 'second_opinion', 'person', s OR f = 'second_opinion'),
    (a + interval '10 hours', 'second_opinion', 'assessed', 'person', s),
    (a + interval '11 hours', 'assessed', f, 'system', s AND f <> 'assessed')) e(at, was, became, kind, wanted)
WHERE wanted;

-- step: assessment_lease 60000
INSERT INTO assessment_lease (id, content_id, person_id, taken_at, until, ended_at, "end", exempt)
SELECT pg_temp.uid('l', n), pg_temp.uid('c', $contents - 60000 + n), CASE n % 2 WHEN 0 THEN '$analyst'::uuid ELSE '$second'::uuid END,
  at, at + interval '30 minutes', at + interval '6 minutes', 'decided', false
FROM (SELECT n, now() - interval '10 minutes' * (60001 - n) at FROM generate_series($first, $last) n) x;
