"""Which channels are an agent's own."""

from __future__ import annotations

from cti_server.domain.ids import AgentId, ChannelRef
from cti_server.errors import Conflict
from cti_server.ports import Switch
from cti_server.services.calls.live import LiveCall
from cti_server.services.floor import Floor


async def agent_leg(switch: Switch, floor: Floor, live: LiveCall, agent_id: AgentId) -> ChannelRef:
    """Known from its answer, else looked for on the switch. Raises Conflict when his phone has no call."""
    if live.agent_channel is not None:
        return live.agent_channel
    channels = (await switch.snapshot()).channels
    bridges = {leg.bridge for leg in channels if leg.channel.key == live.channel.key} - {""}
    own = [leg for leg in channels if floor.of_endpoint(leg.endpoint) == agent_id]
    # The leg of an agent who was consulted keeps the consultation's call id; that he is bridged with the caller is what counts.
    found = [leg for leg in own if leg.call_id == live.call_id or leg.bridge in bridges]
    if not found:
        raise Conflict("the agent's phone has no call at the moment", reason="no_call")
    return found[0].channel


async def hang_up_phone(switch: Switch, floor: Floor, agent_id: AgentId, only: str = "") -> None:
    """Whatever his phones (or this endpoint only) are in ends, as when he puts the receiver down. Raises Conflict when there is
    nothing."""
    channels = (await switch.snapshot()).channels
    own = [leg for leg in channels if floor.of_endpoint(leg.endpoint) == agent_id and only in ("", leg.endpoint)]
    if not own:
        raise Conflict("the agent's phone has no call at the moment", reason="no_call")
    for leg in own:
        await switch.hangup(leg.channel)
