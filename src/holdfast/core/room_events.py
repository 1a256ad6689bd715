"""Events whose constructors are in rooms (`certificate_event`, `action_event`, `image_event`) or `object_events`, with their `data`.

A second half of the table in `events`: the reference page shows both as one.

| type | when | data beside application, id, destination |
|---|---|---|
| action.ran | A person did an action; drift[]: what it changed and Git says. | action, by, reason, params, changed[], created[], drift[] |
| certificate.issued | Another is served; by: who asked for it. | issuer, source, by, serial, names[], not_before, not_after |
| certificate.failed | An issuer gave none; what was served is served on. | issuer, fault, code, message, hint, next_at |
| certificate.expiring | Visitors get one with less than a third of its life left. | host, left_s, serial, names[], not_before, not_after |
| certificate.fresh | Visitors who got an old one get a fresh one. | host, serial, names[], not_before, not_after |
| certificate.revoked | An old one was revoked. | issuer, reason, by, serial, names[], not_before, not_after |
| certificate.taken_over | What certbot renewed is ours to renew. | issuer, by |
| image.chosen | An ImagePolicy chooses another image. | image, before |
| image.failed | Its registry gave no answer, or no tag fits; what was chosen stays. | code, message, hint |
| image.recovered | It answers again. | |
| image.committed | Chosen images were written into Git. | branch, changes[] {path, line, before, after} |
| image.commit_failed | They could not be; it is tried again. | code, message, hint |
| objects.followed | The Applications that live in a cluster are followed. | place, applications |
| objects.held | They are not: nothing of them is synced or written. | place, error |
| objects.status_failed | The status of its object cannot be written; told once for each reason. | error |
| image.unmarked | Markers that nothing is made of; with an empty list: no more. | problems[] {message, where} |
"""
