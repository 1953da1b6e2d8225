import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import mamori.lists.fingerprints.codes
import mamori.lists.fingerprints.models
import mamori.lists.fingerprints.states
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=mamori.lists.fingerprints.models.ordered_id, primary_key=True, serialize=False)),
                ('number', models.BigIntegerField(db_default=models.Value(0), help_text='Given by the database.', unique=True)),
                ('media', models.CharField(max_length=5)),
                ('source_ref', models.CharField(max_length=80)),
                ('classification', models.CharField(max_length=12)),
                ('scale', models.CharField(blank=True, max_length=12)),
                ('stated', models.CharField(blank=True, max_length=16)),
                ('state', models.CharField(default='proposed', max_length=12)),
                ('sharing', models.CharField(default='internal', max_length=10)),
                ('received_at', models.DateTimeField()),
                ('taken_on', models.DateField(null=True)),
                ('in_force_at', models.DateTimeField(null=True)),
                ('changed_at', models.DateTimeField()),
                ('content_id', models.UUIDField(null=True)),
                ('released_at', models.DateTimeField(help_text='A reviewer let it out of quarantine: it is not held again.', null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('end', models.CharField(blank=True, max_length=12)),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('proposed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Harmless',
            fields=[
                ('id', models.UUIDField(default=mamori.lists.fingerprints.models.ordered_id, primary_key=True, serialize=False)),
                ('algorithm', models.CharField(max_length=8)),
                ('value', models.BinaryField()),
                ('reason', models.CharField(max_length=300)),
                ('state', models.CharField(default='proposed', max_length=10)),
                ('proposed_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('expires_on', models.DateField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['state', '-proposed_at'], name='fingerprints_harmless_state')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'active', 'ended'])), name='harmless_state_known'), models.CheckConstraint(condition=models.Q(('confirmed_by', None), models.Q(('confirmed_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='fingerprints_harmless_two_persons'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'active'), _negated=True), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False)), _connector='OR'), name='fingerprints_harmless_needs_second'), models.CheckConstraint(condition=models.Q(('algorithm__in', ['pdq', 'md5', 'sha1', 'sha256'])), name='fingerprints_harmless_algorithm'), models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('algorithm', 'value'), name='fingerprints_harmless_once')],
            },
        ),
        migrations.CreateModel(
            name='Disagreement',
            fields=[
                ('id', models.UUIDField(default=mamori.lists.fingerprints.models.ordered_id, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=8)),
                ('distance', models.PositiveSmallIntegerField(default=0, help_text='Bits between the two values; 0 for a digest.')),
                ('state', models.CharField(default='open', max_length=8)),
                ('found_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(blank=True, max_length=14)),
                ('settled_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disagreements', to='fingerprints.entry')),
                ('other', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fingerprints.entry')),
                ('harmless', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fingerprints.harmless')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['entry'], name='fingerprints_disputed'), models.Index(condition=models.Q(('state', 'open')), fields=['other'], name='fingerprints_disputed_other'), models.Index(fields=['state', '-found_at'], name='fingerprints_disputes')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['open', 'settled'])), name='disagreement_state_known'), models.CheckConstraint(condition=models.Q(('kind__in', [mamori.lists.fingerprints.states.Dispute['SAME'], mamori.lists.fingerprints.states.Dispute['SIMILAR'], mamori.lists.fingerprints.states.Dispute['VOTE'], mamori.lists.fingerprints.states.Dispute['HARMLESS']])), name='fingerprints_dispute_kind'), models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('kind', 'entry', 'other', 'harmless'), name='fingerprints_dispute_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.UUIDField(default=mamori.lists.fingerprints.models.ordered_id, primary_key=True, serialize=False)),
                ('format', models.CharField(max_length=12)),
                ('scale', models.CharField(blank=True, max_length=12)),
                ('sharing', models.CharField(max_length=10)),
                ('state', models.CharField(default='running', max_length=10)),
                ('started_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('read', models.PositiveIntegerField(default=0)),
                ('added', models.PositiveIntegerField(default=0)),
                ('known', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
                ('refusals', models.JSONField(default=list)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('imported_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='entry',
            name='imported',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='fingerprints.importrun'),
        ),
        migrations.CreateModel(
            name='MatchDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('examined', models.BigIntegerField(default=0)),
                ('similar', models.BigIntegerField(default=0)),
                ('same', models.BigIntegerField(default=0)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'day'), name='fingerprints_matchday_once')],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(max_length=16)),
                ('shared_with_partners', models.BooleanField(default=False)),
                ('contact_mail', models.EmailField(blank=True, help_text='Where an alarm about one of its entries goes.', max_length=254)),
                ('created_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', [mamori.lists.fingerprints.states.Kind['HOTLINE'], mamori.lists.fingerprints.states.Kind['POLICE'], mamori.lists.fingerprints.states.Kind['NGO'], mamori.lists.fingerprints.states.Kind['INDUSTRY'], mamori.lists.fingerprints.states.Kind['PROVIDER']])), name='fingerprints_source_kind'), models.CheckConstraint(condition=models.Q(('code__regex', '^[a-z0-9][a-z0-9-]{1,39}$')), name='fingerprints_source_code')],
            },
        ),
        migrations.AddField(
            model_name='importrun',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fingerprints.source'),
        ),
        migrations.AddField(
            model_name='entry',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='fingerprints.source'),
        ),
        migrations.CreateModel(
            name='Vote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verdict', models.CharField(max_length=8)),
                ('reason', models.CharField(max_length=16)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='votes', to='fingerprints.entry')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'indexes': [models.Index(fields=['entry', '-at'], name='fingerprints_votes_of')],
                'constraints': [models.CheckConstraint(condition=models.Q(('verdict__in', [mamori.lists.fingerprints.states.Verdict['CONFIRM'], mamori.lists.fingerprints.states.Verdict['DENY']])), name='fingerprints_vote_verdict')],
            },
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('seq', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=8)),
                ('at', models.DateTimeField()),
                ('entry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fingerprints.entry')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', [mamori.lists.fingerprints.states.ChangeKind['ADD'], mamori.lists.fingerprints.states.ChangeKind['WITHDRAW'], mamori.lists.fingerprints.states.ChangeKind['UPDATE']])), name='fingerprints_change_kind')],
            },
        ),
        migrations.CreateModel(
            name='EntryEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('was', models.CharField(blank=True, max_length=12)),
                ('now', models.CharField(max_length=12)),
                ('code', models.CharField(blank=True, max_length=16)),
                ('actor_kind', models.CharField(max_length=10)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='fingerprints.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['entry', 'at'], name='fingerprints_events_of')],
            },
        ),
        migrations.CreateModel(
            name='EntryHits',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('hits', models.PositiveIntegerField(default=0)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fingerprints.entry')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('entry', 'hour'), name='fingerprints_hits_once')],
            },
        ),
        migrations.CreateModel(
            name='Fingerprint',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('algorithm', models.CharField(max_length=8)),
                ('value', models.BinaryField()),
                ('quality', models.PositiveSmallIntegerField(help_text='Of a PDQ value, 0 to 100; empty: not told.', null=True)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fingerprints', to='fingerprints.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['value', 'algorithm'], name='fingerprints_by_value')],
                'constraints': [models.UniqueConstraint(fields=('entry', 'algorithm', 'value'), name='fingerprints_value_once'), models.CheckConstraint(condition=models.Q(('id__lt', 4294967295)), name='fingerprints_id_fits_index'), models.CheckConstraint(condition=models.Q(('algorithm__in', [mamori.lists.fingerprints.states.Algorithm['PDQ'], mamori.lists.fingerprints.states.Algorithm['MD5'], mamori.lists.fingerprints.states.Algorithm['SHA1'], mamori.lists.fingerprints.states.Algorithm['SHA256'], mamori.lists.fingerprints.states.Algorithm['PHOTODNA']])), name='fingerprints_algorithm'), models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length('value'), models.Case(models.When(algorithm='pdq', then=models.Value(32)), models.When(algorithm='md5', then=models.Value(16)), models.When(algorithm='sha1', then=models.Value(20)), models.When(algorithm='sha256', then=models.Value(32)), models.When(algorithm='photodna', then=models.Value(144)))), name='fingerprints_value_length'), models.CheckConstraint(condition=models.Q(('quality', None), models.Q(('algorithm', 'pdq'), ('quality__lte', 100)), _connector='OR'), name='fingerprints_quality')],
            },
        ),
        migrations.AddIndex(
            model_name='importrun',
            index=models.Index(fields=['-started_at'], name='fingerprints_imports'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [mamori.lists.fingerprints.states.ImportState['RUNNING'], mamori.lists.fingerprints.states.ImportState['DONE'], mamori.lists.fingerprints.states.ImportState['FAILED']])), name='fingerprints_import_state'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('sharing__in', [mamori.lists.fingerprints.states.Sharing['INTERNAL'], mamori.lists.fingerprints.states.Sharing['PARTNERS']])), name='fingerprints_import_sharing'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('confirmed_by', None), ('imported_by', None), models.Q(('confirmed_by', models.F('imported_by')), _negated=True), _connector='OR'), name='fingerprints_import_two_persons'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('sharing', 'partners')), fields=['changed_at', 'number'], name='fingerprints_feed'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['state', '-received_at'], name='fingerprints_entry_state'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['-received_at'], name='fingerprints_entry_recent'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('released_at', None), ('state', 'active')), fields=['in_force_at'], name='fingerprints_entry_young'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('content_id__isnull', False)), fields=['content_id'], name='fingerprints_entry_content'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'active', 'quarantined', 'withdrawn'])), name='bank_entry_state_known'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('media__in', [mamori.lists.fingerprints.states.Media['IMAGE'], mamori.lists.fingerprints.states.Media['VIDEO']])), name='fingerprints_entry_media'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('sharing__in', [mamori.lists.fingerprints.states.Sharing['INTERNAL'], mamori.lists.fingerprints.states.Sharing['PARTNERS']])), name='fingerprints_entry_sharing'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('classification__in', [mamori.lists.fingerprints.codes.Classification['BASELINE_1'], mamori.lists.fingerprints.codes.Classification['BASELINE_2'], mamori.lists.fingerprints.codes.Classification['BASELINE'], mamori.lists.fingerprints.codes.Classification['NATIONAL_1'], mamori.lists.fingerprints.codes.Classification['NATIONAL_2'], mamori.lists.fingerprints.codes.Classification['NATIONAL'], mamori.lists.fingerprints.codes.Classification['UNSORTED']])), name='fingerprints_entry_classification'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('source', 'source_ref'), name='fingerprints_entry_once'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('confirmed_by', None), ('proposed_by', None), models.Q(('confirmed_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='fingerprints_entry_two_persons'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sharing', 'partners'), ('state__in', ['active', 'quarantined']), _negated=True), ('confirmed_by__isnull', False), _connector='OR'), name='fingerprints_shared_needs_second'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('in_force_at', None), ('state', 'proposed')), models.Q(('in_force_at__isnull', False), ('state__in', ['active', 'quarantined'])), ('state', 'withdrawn'), _connector='OR'), name='fingerprints_entry_in_force'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'withdrawn'), models.Q(('end', ''), _negated=True)), models.Q(models.Q(('state', 'withdrawn'), _negated=True), ('end', ''), ('ended_at', None)), _connector='OR'), name='fingerprints_entry_ended'),
        ),
    ]
