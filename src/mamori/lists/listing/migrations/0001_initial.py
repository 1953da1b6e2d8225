import django.db.models.deletion
import mamori.lists.listing.states
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('content_id', models.UUIDField()),
                ('method', models.CharField(max_length=3)),
                ('target', models.TextField()),
                ('target_digest', models.CharField(help_text='SHA-256 of the target, hex.', max_length=64)),
                ('reason', models.CharField(max_length=24)),
                ('answers', models.JSONField()),
                ('stated_at', models.DateTimeField(help_text='To the second.')),
                ('expires_on', models.DateField()),
                ('state', models.CharField(default='proposed', max_length=20)),
                ('proposed_at', models.DateTimeField()),
                ('activated_at', models.DateTimeField(null=True)),
                ('review_reason', models.CharField(blank=True, max_length=8)),
                ('review_since', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('end', models.CharField(blank=True, max_length=20)),
                ('refused', models.JSONField(default=list)),
                ('activator', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('proposer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('renews', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='listing.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['content_id'], name='listing_entry_content'), models.Index(fields=['state', '-proposed_at'], name='listing_entry_state'), models.Index(fields=['-proposed_at'], name='listing_entry_recent'), models.Index(condition=models.Q(('state__in', (mamori.lists.listing.states.EntryState['ACTIVE'], mamori.lists.listing.states.EntryState['APPEALED'], mamori.lists.listing.states.EntryState['IN_REVIEW'], mamori.lists.listing.states.EntryState['UPHELD']))), fields=['expires_on'], name='listing_entry_expiry')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'pending_activation', 'active', 'recheck_failed', 'pending_removal', 'removed', 'appealed', 'in_review', 'upheld', 'suspended'])), name='entry_state_known'), models.CheckConstraint(condition=models.Q(('method__in', [mamori.lists.listing.states.Method['DNS'], mamori.lists.listing.states.Method['URL']])), name='listing_entry_method'), models.CheckConstraint(condition=models.Q(('reason__in', [mamori.lists.listing.states.Reason['TOO_SLOW'], mamori.lists.listing.states.Reason['REFUSED'], mamori.lists.listing.states.Reason['IMPOSSIBLE']])), name='listing_entry_reason'), models.CheckConstraint(condition=models.Q(('activator', None), models.Q(('activator', models.F('proposer')), _negated=True), _connector='OR'), name='listing_entry_two_persons'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', [mamori.lists.listing.states.EntryState['ACTIVE'], mamori.lists.listing.states.EntryState['APPEALED'], mamori.lists.listing.states.EntryState['IN_REVIEW'], mamori.lists.listing.states.EntryState['UPHELD'], 'recheck_failed', 'pending_removal', 'suspended']), _negated=True), models.Q(('activated_at__isnull', False), ('activator__isnull', False)), _connector='OR'), name='listing_entry_needs_activator'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', [mamori.lists.listing.states.EntryState['ACTIVE'], mamori.lists.listing.states.EntryState['APPEALED'], mamori.lists.listing.states.EntryState['IN_REVIEW'], mamori.lists.listing.states.EntryState['UPHELD'], mamori.lists.listing.states.EntryState['PROPOSED'], mamori.lists.listing.states.EntryState['PENDING_ACTIVATION']]), _negated=True), models.Q(('end', ''), ('ended_at', None)), _connector='OR'), name='listing_entry_open'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'in_review'), _negated=True), ('review_reason__in', ['police', 'rules', 'appeal']), _connector='OR'), name='listing_entry_review_reason'), models.UniqueConstraint(condition=models.Q(('state__in', (mamori.lists.listing.states.EntryState['PROPOSED'], mamori.lists.listing.states.EntryState['PENDING_ACTIVATION']))), fields=('method', 'target_digest'), name='listing_one_proposal'), models.UniqueConstraint(condition=models.Q(('state__in', (mamori.lists.listing.states.EntryState['ACTIVE'], mamori.lists.listing.states.EntryState['APPEALED'], mamori.lists.listing.states.EntryState['IN_REVIEW'], mamori.lists.listing.states.EntryState['UPHELD']))), fields=('method', 'target_digest'), name='listing_one_in_force')],
            },
        ),
        migrations.CreateModel(
            name='Candidate',
            fields=[
                ('content_id', models.UUIDField(primary_key=True, serialize=False)),
                ('why', models.CharField(max_length=16)),
                ('since', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('closed_at', None)), fields=['since'], name='listing_candidates')],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='withdrawal', serialize=False, to='listing.entry')),
                ('statement', models.TextField()),
                ('key_id', models.CharField(max_length=64)),
                ('signature', models.BinaryField(max_length=64)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Appeal',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=16, unique=True)),
                ('token', models.CharField(max_length=40)),
                ('url', models.TextField()),
                ('host', models.CharField(max_length=253)),
                ('seal_key', models.UUIDField()),
                ('text', models.BinaryField()),
                ('contact', models.BinaryField()),
                ('received_hour', models.DateTimeField()),
                ('state', models.CharField(default='received', max_length=12)),
                ('matched_at', models.DateTimeField(null=True)),
                ('proof', models.CharField(blank=True, max_length=8)),
                ('proved_at', models.DateTimeField(null=True)),
                ('triaged_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision_reason', models.CharField(blank=True, max_length=300)),
                ('activator', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('proposer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appeals', to='listing.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'received_hour'], name='listing_appeals'), models.Index(condition=models.Q(('matched_at', None)), fields=['id'], name='listing_appeals_new')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['received', 'in_review', 'upheld', 'suspended', 'removed', 'rejected'])), name='appeal_state_known'), models.CheckConstraint(condition=models.Q(('proof__in', ['', mamori.lists.listing.states.Proof['DNS'], mamori.lists.listing.states.Proof['FILE'], mamori.lists.listing.states.Proof['ATTESTED']])), name='listing_appeal_proof'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['in_review', 'upheld', 'suspended', 'removed']), _negated=True), models.Q(models.Q(('proof', ''), _negated=True), ('entry__isnull', False)), _connector='OR'), name='listing_appeal_proved'), models.CheckConstraint(condition=models.Q(('decided_by', None), models.Q(models.Q(('proposer', None), models.Q(('decided_by', models.F('proposer')), _negated=True), _connector='OR'), models.Q(('activator', None), models.Q(('decided_by', models.F('activator')), _negated=True), _connector='OR')), _connector='OR'), name='listing_appeal_uninvolved')],
            },
        ),
        migrations.CreateModel(
            name='EntryEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('was', models.CharField(blank=True, max_length=20)),
                ('now', models.CharField(max_length=20)),
                ('code', models.CharField(blank=True, max_length=24)),
                ('actor_kind', models.CharField(max_length=10)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='listing.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['entry', 'at'], name='listing_events_of')],
            },
        ),
        migrations.CreateModel(
            name='Opinion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('review_since', models.DateTimeField()),
                ('keep', models.BooleanField()),
                ('note', models.CharField(max_length=300)),
                ('at', models.DateTimeField()),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='opinions', to='listing.entry')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('entry', 'review_since', 'person'), name='listing_one_opinion_each')],
            },
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('id', models.CharField(help_text='SHA-256 of the 32 public bytes, hex.', max_length=64, primary_key=True, serialize=False)),
                ('public_key', models.BinaryField(max_length=32)),
                ('registered_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('confirmed_by', None), models.Q(('confirmed_by', models.F('person')), _negated=True), _connector='OR'), name='listing_key_confirmed_by_another'), models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at', None), ('confirmed_by', None)), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False)), _connector='OR'), name='listing_key_confirmation')],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(max_length=8)),
                ('statement', models.TextField()),
                ('signature', models.BinaryField(max_length=64)),
                ('at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='listing.entry')),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='listing.signingkey')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('entry', 'step'), name='listing_one_approval_per_step'), models.UniqueConstraint(fields=('entry', 'person'), name='listing_approval_second_person'), models.CheckConstraint(condition=models.Q(('step__in', ['propose', 'activate'])), name='listing_approval_step')],
            },
        ),
    ]
