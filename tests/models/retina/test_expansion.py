import torch

from anyres.models.retina.expansion import Expansion, expanded, found_again, remember
from anyres.models.retina.heat import splat

RULES = Expansion()


def test_memory_rises_by_five_and_fades_by_one() -> None:
    memory = torch.zeros(64, 64, dtype=torch.uint8)
    remember(memory, torch.tensor([[20, 20], [40, 40]]), RULES)
    assert memory[20, 20] == memory[40, 40] == 5
    remember(memory, torch.tensor([[20, 20]]), RULES)
    assert memory[20, 20] == 10
    assert memory[40, 40] == 4
    assert memory.count_nonzero() == 2


def test_a_place_near_a_known_one_adds_one_to_that() -> None:
    memory = torch.zeros(64, 64, dtype=torch.uint8)
    remember(memory, torch.tensor([[20, 20]]), RULES)
    remember(memory, torch.tensor([[21, 21]]), RULES)
    assert memory[20, 20] == 6
    assert memory.count_nonzero() == 1
    remember(memory, torch.tensor([[23, 20]]), RULES)  # beyond the window: another place
    assert memory[23, 20] == 5
    assert memory[20, 20] == 5


def test_memory_neither_overflows_nor_goes_below_zero() -> None:
    memory = torch.full((32, 32), 254, dtype=torch.uint8)
    memory[0, 0] = 0
    remember(memory, torch.tensor([[10, 10]]), RULES)
    assert memory[10, 10] == 255
    assert memory[0, 0] == 0


def test_learned_labels_stand_where_no_given_one_is_near() -> None:
    memory = torch.zeros(100, 100, dtype=torch.uint8)
    memory[20, 20], memory[60, 60], memory[80, 20] = 7, 9, 4
    labels = splat(torch.tensor([[24.0, 24.0]]), (100, 100))
    merged = expanded(labels, memory, RULES)
    assert merged.nonzero().tolist() == [[24, 24], [60, 60]]
    assert merged.max() == 1


def test_a_place_is_found_again_where_it_is_hot_and_like_itself() -> None:
    here, there = torch.eye(4), torch.eye(4)
    there[2] = torch.nn.functional.normalize(here[2] + 0.9 * here[3], dim=0)  # as like the fourth, nearly
    heat = torch.tensor([0.9, 0.4, 0.9, 0.6])
    assert found_again(heat, here, there, RULES).tolist() == [True, False, True, True]
    there[2] = torch.nn.functional.normalize(here[2] + 0.9 * here[3], dim=0)
    here[2] = torch.nn.functional.normalize(here[2] + here[0], dim=0)  # nearer to the first than to itself
    assert found_again(heat, here, there, RULES).tolist() == [True, False, False, True]
    assert not found_again(torch.zeros(4), here, there, RULES).any()


def test_a_perfect_network_learns_exactly_the_labels_that_were_kept_from_it() -> None:
    every = torch.tensor([[20, 20], [20, 60], [60, 20], [60, 60]])
    memory = torch.zeros(90, 90, dtype=torch.uint8)
    given = splat(every[:2].float(), (90, 90))
    kept = found_again(torch.ones(4), torch.eye(4), torch.eye(4), RULES)
    remember(memory, every[kept], RULES)
    assert expanded(given, memory, RULES).nonzero().tolist() == every.tolist()
