from django.db import migrations

# The follower of the index waits for this instead of asking in short turns. The feed's rows themselves tell what changed.
CREATE = """
CREATE FUNCTION exchange_feed_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY mamori_fingerprints;
    RETURN NULL;
END
$$;
CREATE TRIGGER exchange_feed_told AFTER INSERT ON fingerprints_change
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_feed_told();
"""
DROP = """
DROP TRIGGER exchange_feed_told ON fingerprints_change;
DROP FUNCTION exchange_feed_told();
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial"), ("fingerprints", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
