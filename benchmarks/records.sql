-- A hotline after three years: invented names under .example, no text of anybody.
-- Each step is run in chunks of $first .. $last of its rows. n counts content items, m reports, both oldest first;
-- what is known of each is worked out once, in the temporary tables "content" and "told".

-- step: helpers
CREATE FUNCTION pg_temp.uid(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT md5(kind || n)::uuid$$;
-- evenly spread from 0 to 1, the same each time
CREATE FUNCTION pg_temp.r(n bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0::float8$$;
CREATE FUNCTION pg_temp.noise(n bigint, salt text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
  $$SELECT sha256((salt || n)::bytea)$$;
CREATE TEMP TABLE content (n bigint PRIMARY KEY, id uuid, host text, url text, digest text, at timestamptz, fate text,
  settled boolean, illegal boolean, gone boolean, verdict text, told timestamptz, gone_at timestamptz, domestic boolean,
  contact bigint);
CREATE TEMP TABLE told (m bigint PRIMARY KEY, id uuid, submission uuid, n bigint, source text, hour timestamptz,
  url text, digest text, state text, outcome text, closed timestamptz);

-- step: content contents
-- what became of it: the newest wait, the rest is worked on or done; one host and one contact hold 7 % of all
INSERT INTO content
SELECT n, pg_temp.uid('c', n), host, url, encode(sha256(url::bytea), 'hex'), at, fate, settled, illegal, gone,
  CASE WHEN NOT settled THEN '' WHEN NOT illegal THEN 'NOT_ILLEGAL' WHEN n % 3 = 0 THEN 'BASELINE' ELSE 'NATIONAL' END,
  told, CASE WHEN gone THEN least(now(), told + interval '40 days' * power(pg_temp.r(n, 7), 3)) END, domestic,
  1 + floor(power(pg_temp.r(n, 2), 3) * 3000)
FROM generate_series($first, $last) AS n,
LATERAL (SELECT 'h' || floor(power(pg_temp.r(n, 2), 4) * 50000) || '.example' AS host) AS a,
LATERAL (SELECT 'https://' || host || '/g/' || n AS url,
  now() - interval '3 years' * (1 - n / $contents::float8) - interval '1 hour' AS at,
  CASE WHEN n > $contents * 0.998 THEN 'tracing' WHEN n > $contents * 0.973 AND n % 500 = 0 THEN 'in_assessment'
  WHEN n > $contents * 0.973 THEN 'awaiting_assessment'
  WHEN n > $contents * 0.968 THEN 'second_opinion' WHEN n > $contents * 0.963 THEN 'cannot_access'
  WHEN n > $contents * 0.961 THEN 'assessed'
  WHEN n % 100 < 9 THEN 'actioning' WHEN n % 100 < 19 THEN 'monitoring' WHEN n % 100 < 54 THEN 'removed'
  WHEN n % 100 < 59 THEN 'unavailable' WHEN n % 100 < 60 THEN 'moved' WHEN n % 100 < 62 THEN 'watch'
  WHEN n % 100 < 83 THEN 'not_illegal' ELSE 'closed' END AS fate, n <= $contents * 0.963 AS settled) AS b,
LATERAL (SELECT settled AND fate NOT IN ('not_illegal', 'assessed') AS illegal, host ~ '[0-4][.]' AS domestic,
  least(now(), at + interval '4 days') AS told) AS c,
LATERAL (SELECT illegal AND fate NOT IN ('actioning', 'monitoring') AS gone) AS d;

-- step: told reports
-- of each content there is a report, most others are spread, one item has 5,000; the newest 4 % belong to none
INSERT INTO told
SELECT m, pg_temp.uid('r', m), pg_temp.uid('s', m), c.n, CASE WHEN m % 100 < 70 THEN 'public' WHEN m % 100 < 85 THEN 'api'
  WHEN m % 100 < 95 THEN 'import' WHEN m % 100 < 98 THEN 'operator' ELSE 'patrol' END, hour,
  coalesce(c.url, other), coalesce(c.digest, encode(sha256(other::bytea), 'hex')), state,
  CASE WHEN state <> 'closed' THEN '' WHEN c.n IS NULL THEN 'out_of_remit' WHEN NOT illegal THEN 'not_illegal'
  WHEN m % 9 = 0 THEN 'already_gone' ELSE 'removed' END,
  CASE WHEN state = 'closed' THEN least(now(), hour + interval '9 days') END
FROM generate_series($first, $last) AS m
LEFT JOIN content AS c ON c.n = CASE WHEN m <= $contents THEN m WHEN m <= $contents + 5000 THEN 1
  WHEN m <= $reports * 0.96 THEN 1 + floor(pg_temp.r(m, 3) * $contents * 0.96)::bigint END,
LATERAL (SELECT 'https://other' || m || '.example/' AS other, date_trunc('hour', CASE
  WHEN m <= $contents THEN c.at - interval '1 hour' WHEN c.n IS NOT NULL
  THEN least(now(), c.at + interval '30 days' * power(pg_temp.r(m, 4), 2))
  WHEN m > $reports * 0.998 THEN now() - interval '1 day' * pg_temp.r(m, 4)
  ELSE now() - interval '3 years' * pg_temp.r(m, 4) END) AS hour,
  CASE WHEN m > $reports * 0.998 THEN 'received' WHEN m > $reports * 0.995 THEN 'screened' WHEN c.n IS NULL THEN 'closed'
  WHEN gone OR fate = 'not_illegal' THEN 'closed' ELSE 'linked' END AS state) AS a;

-- step: sealed_datakey reports
INSERT INTO sealed_datakey (id, wrapped)
SELECT pg_temp.uid('k', m), pg_temp.noise(m, 'a') || pg_temp.noise(m, 'b') || substr(pg_temp.noise(m, 'c'), 1, 16)
FROM generate_series($first, $last) AS m;

-- step: intake_submission reports
INSERT INTO intake_submission (id, source, channel, organisation_id, received_hour, locale, receipt_digest, reply_key,
  data_key, sealed_text, sealed_contact, details, closed_at, released_hour, legal_hold, police_hold)
SELECT submission, source, CASE source WHEN 'operator' THEN 'phone' ELSE '' END, NULL, hour, 'ja',
  CASE WHEN source IN ('public', 'operator') THEN pg_temp.noise(m, 'd') END,
  CASE WHEN source IN ('public', 'operator') THEN pg_temp.noise(m, 'e') END, pg_temp.uid('k', m),
  pg_temp.noise(m, 'f') || pg_temp.noise(m, 'g') || pg_temp.noise(m, 'h') || pg_temp.noise(m, 'i'),
  CASE WHEN m % 10 = 0 THEN pg_temp.noise(m, 'j') || pg_temp.noise(m, 'k') END, '{}', closed,
  CASE WHEN closed < now() - interval '3 days' THEN date_trunc('hour', closed + interval '2 days') END, false, false
FROM told WHERE m BETWEEN $first AND $last;

-- step: intake_report reports
INSERT INTO intake_report (id, submission_id, source, organisation_id, external_id, received_hour, url, digest, seen_on,
  child_at_risk, state, screening, screened_at, content_id, outcome, closed_at)
SELECT id, submission, source, NULL, CASE source WHEN 'import' THEN 'row:' || m END, hour, url, digest, hour::date,
  m % 5000 = 0, state, CASE WHEN state = 'received' THEN '' WHEN state = 'closed' AND n IS NULL THEN 'out_of_remit'
  WHEN m % 5000 = 0 THEN 'urgent_child_at_risk' ELSE 'accepted' END,
  CASE WHEN state <> 'received' THEN hour + interval '70 minutes' END, CASE WHEN n IS NOT NULL THEN pg_temp.uid('c', n) END,
  outcome, closed
FROM told WHERE m BETWEEN $first AND $last;

-- step: intake_message 4000
INSERT INTO intake_message (id, submission_id, direction, sent_hour, place, data_key, sealed, for_reporter, read_at)
SELECT pg_temp.uid('m', n), pg_temp.uid('s', $reports - n), CASE WHEN n % 2 = 0 THEN 'to_hotline' ELSE 'to_reporter' END,
  date_trunc('hour', now() - interval '1 hour' * n), 1, pg_temp.uid('k', $reports - n), pg_temp.noise(n, 'l'), pg_temp.noise(n, 'm'),
  CASE WHEN n > 60 THEN now() END FROM generate_series($first, $last) AS n;

-- step: intake_daycount 1
INSERT INTO intake_daycount (day, outcome, count)
SELECT (received_hour AT TIME ZONE 'Asia/Tokyo')::date, outcome, count(*) FROM intake_report WHERE state <> 'received' GROUP BY 1, 2;

-- step: assessment_contentitem contents
INSERT INTO assessment_contentitem (id, url, digest, host, registrable, state, reason, round, position, at_risk,
  at_risk_reported, patrolled, report_count, sources, last_seen_on, risk_points, risk_signs, priority, verdict, law_codes,
  decision_id, confirmation_id, settled_at, opened_at, state_at)
SELECT id, url, digest, host, host, fate, '', 1, CASE fate WHEN 'second_opinion' THEN 2 ELSE 1 END, n % 4000 = 0,
  n % 4000 = 0, n % 50 = 0, CASE n WHEN 1 THEN 5003 ELSE 3 END, 3, at::date, points,
  json_build_object('sources', 3, 'host_known', 5), points * 3600 - extract(epoch FROM at)::bigint, verdict,
  CASE WHEN illegal THEN '["JP-7-6"]'::jsonb ELSE '[]' END, CASE WHEN settled THEN pg_temp.uid('d1', n) END,
  CASE WHEN settled THEN pg_temp.uid('d2', n) END, CASE WHEN settled THEN at + interval '11 hours' END, at,
  coalesce(gone_at, at + interval '11 hours')
FROM content, LATERAL (SELECT CASE WHEN n % 4000 = 0 THEN 1000000::bigint
  ELSE 24 + (n % 50 = 0)::int * 48 + (n % 7) * 12 END AS points) AS a WHERE n BETWEEN $first AND $last;

-- step: assessment_contentreport reports
INSERT INTO assessment_contentreport (content_id, report_id, submission_id, source, seen_on, urgent, linked_at, closed_at)
SELECT pg_temp.uid('c', n), id, submission, source, hour::date, m % 5000 = 0, hour + interval '71 minutes', closed
FROM told WHERE n IS NOT NULL AND m BETWEEN $first AND $last;

-- step: assessment_decision contents
INSERT INTO assessment_decision (id, content_id, round, position, verdict, law_codes, reason, child_at_risk, criteria_id,
  decided_by_id, decided_at)
SELECT pg_temp.uid('d' || p, n), id, 1, p, coalesce(nullif(verdict, ''), 'NATIONAL'), '["JP-7-6"]', '', n % 4000 = 0,
  (SELECT version FROM assessment_criteria LIMIT 1), CASE p WHEN 1 THEN '$analyst'::uuid ELSE '$second'::uuid END,
  at + interval '5 hours' * p
FROM content, generate_series(1, 2) AS p
WHERE n BETWEEN $first AND $last AND (settled OR (p = 1 AND fate = 'second_opinion'));

-- step: assessment_contentevent contents
INSERT INTO assessment_contentevent (content_id, at, was, now, code, actor_kind)
SELECT id, moment, was, became, '', kind
FROM content, LATERAL (VALUES (at, '', 'tracing', 'system', true),
  (at + interval '1 minute', 'tracing', 'awaiting_assessment', 'system', fate <> 'tracing'),
  (at + interval '4 hours', 'awaiting_assessment', 'in_assessment', 'person', settled),
  (at + interval '5 hours', 'in_assessment', 'second_opinion', 'person', settled OR fate = 'second_opinion'),
  (at + interval '10 hours', 'second_opinion', 'assessed', 'person', settled),
  (coalesce(gone_at, at + interval '11 hours'), 'assessed', fate, 'system', settled AND fate <> 'assessed'))
  AS e(moment, was, became, kind, wanted)
WHERE wanted AND n BETWEEN $first AND $last;

-- step: assessment_lease 60000
INSERT INTO assessment_lease (id, content_id, person_id, taken_at, until, ended_at, "end", exempt)
SELECT pg_temp.uid('l', n), pg_temp.uid('c', 1 + n % 1000), CASE n % 2 WHEN 0 THEN '$analyst'::uuid ELSE '$second'::uuid END,
  at, at + interval '30 minutes', at + interval '6 minutes', 'decided', false
FROM (SELECT n, now() - interval '10 minutes' * (60001 - n) AS at FROM generate_series($first, $last) AS n) AS x;

-- step: assessment_lease contents
INSERT INTO assessment_lease (id, content_id, person_id, taken_at, until, ended_at, "end", exempt)
SELECT pg_temp.uid('lo', n), id, pg_temp.uid('us', 1 + (n / 500) % 60), now() - interval '5 minutes', now() + interval '25 minutes',
  NULL, '', false FROM content WHERE fate = 'in_assessment' AND n BETWEEN $first AND $last;
