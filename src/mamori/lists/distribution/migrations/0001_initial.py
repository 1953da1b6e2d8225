import django.db.models.deletion
import mamori.lists.distribution.states
import uuid
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
            name='KnotState',
            fields=[
                ('zone', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('checked_at', models.DateTimeField()),
                ('records', models.PositiveIntegerField(default=0)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('problem', models.CharField(blank=True, max_length=200)),
                ('healed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='KillOrder',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('lifted_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(help_text='None: at the machine.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('lifted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('lifted_by', None), ('by', None), models.Q(('lifted_by', models.F('by')), _negated=True), _connector='OR'), name='distribution_kill_two_persons'), models.UniqueConstraint(models.Value(1), condition=models.Q(('lifted_at', None)), name='distribution_one_open_kill')],
            },
        ),
        migrations.CreateModel(
            name='Edition',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(unique=True)),
                ('state', models.CharField(max_length=10)),
                ('digest', models.CharField(help_text='SHA-256 over entries and statements, hex.', max_length=64)),
                ('names', models.PositiveIntegerField(default=0)),
                ('urls', models.PositiveIntegerField(default=0)),
                ('added', models.PositiveIntegerField(default=0)),
                ('removed', models.PositiveIntegerField(default=0)),
                ('refusals', models.JSONField(default=list)),
                ('built_at', models.DateTimeField()),
                ('published_at', models.DateTimeField(null=True)),
                ('kill', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='distribution.killorder')),
            ],
            options={
                'indexes': [models.Index(fields=['state', '-version'], name='distribution_by_state')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['signed', 'published', 'abandoned', 'refused'])), name='edition_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'published'), _negated=True), ('published_at__isnull', False), _connector='OR'), name='distribution_edition_published')],
            },
        ),
        migrations.CreateModel(
            name='Probe',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entry_id', models.UUIDField(null=True)),
                ('resolver', models.CharField(max_length=60)),
                ('outside', models.BooleanField(default=False)),
                ('blocked', models.BooleanField(help_text='What was waited for: blocked, or answering again.')),
                ('seconds', models.FloatField(null=True)),
                ('at', models.DateTimeField()),
                ('edition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='probes', to='distribution.edition')),
            ],
            options={
                'indexes': [models.Index(fields=['entry_id'], name='distribution_probe_entry'), models.Index(condition=models.Q(('entry_id__isnull', False), ('seconds__isnull', True)), fields=['at'], name='distribution_late'), models.Index(condition=models.Q(('entry_id', None)), fields=['resolver', '-id'], name='distribution_canary')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('entry_id__isnull', False)), fields=('edition', 'entry_id', 'resolver'), name='distribution_probe_once'), models.CheckConstraint(condition=models.Q(('outside', False), ('entry_id', None), _connector='OR'), name='distribution_outside_only_canary')],
            },
        ),
        migrations.CreateModel(
            name='Subscriber',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('delivery', models.CharField(max_length=8)),
                ('notify', models.CharField(blank=True, help_text='address@port told of changes.', max_length=80)),
                ('generation', models.PositiveSmallIntegerField(default=1)),
                ('token_id', models.UUIDField(null=True)),
                ('state', models.CharField(default='requested', max_length=10)),
                ('added_at', models.DateTimeField()),
                ('applied_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['requested', 'active', 'revoking', 'revoked'])), name='subscriber_state_known'), models.CheckConstraint(condition=models.Q(('delivery__in', [mamori.lists.distribution.states.Delivery['NXDOMAIN'], mamori.lists.distribution.states.Delivery['STOP'], mamori.lists.distribution.states.Delivery['URL']])), name='distribution_subscriber_delivery')],
            },
        ),
        migrations.CreateModel(
            name='EditionChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entry_id', models.UUIDField()),
                ('change', models.CharField(max_length=7)),
                ('method', models.CharField(max_length=3)),
                ('target', models.TextField()),
                ('since', models.DateTimeField()),
                ('edition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='distribution.edition')),
            ],
            options={
                'indexes': [models.Index(fields=['entry_id'], name='distribution_change_entry'), models.Index(condition=models.Q(('method', 'dns')), fields=['target'], name='distribution_change_name')],
                'constraints': [models.UniqueConstraint(fields=('edition', 'entry_id', 'change'), name='distribution_change_once'), models.CheckConstraint(condition=models.Q(('change__in', ['added', 'removed'])), name='distribution_change_known')],
            },
        ),
    ]
