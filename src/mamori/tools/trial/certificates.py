"""A certificate authority for one trial: one key, fifty names to a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NAMES = 50
_NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
_DAYS = 36_500  # it lives as long as the folder it lies in


def authority(names: Sequence[str], folder: Path) -> tuple[Path, list[tuple[list[str], str]]]:
    """The authority's certificate file, and (names, file of key and certificate) for all the names."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _made("Trial authority", signer, signer, x509.BasicConstraints(ca=True, path_length=0))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    trusted = folder / "authority.pem"
    trusted.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made = []
    for at in range(0, len(names), _NAMES):
        some = list(names[at : at + _NAMES])
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in some])
        leaf = _made(f"Trial {at}", key, signer, alternative)
        file = folder / f"leaf-{at}.pem"
        file.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
        made.append((some, str(file)))
    return trusted, made


def _made(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("Trial authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_BEFORE + timedelta(days=_DAYS))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    )
    return builder.sign(signer, hashes.SHA256())
